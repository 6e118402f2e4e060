DROP TABLE held_back;
DROP TABLE forwarding;
