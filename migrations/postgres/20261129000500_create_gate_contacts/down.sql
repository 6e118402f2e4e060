DROP TABLE gate_contacts;
