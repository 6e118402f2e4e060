-- Distributes the entries over all workers, by their entry_id. Run it once, as the owner of the tables, on the
-- coordinator, after 'rollcall migrate' and before the service starts:
--
--   psql -v ON_ERROR_STOP=1 -f hash.sql
--
-- README.md says why each table goes where it goes.

BEGIN;

-- No foreign key of a reference table can refer to a distributed one. Entries are never deleted, and the service looks
-- an entry up before it stores its amendment, so that these keys only find errors of programs.
ALTER TABLE amendment DROP CONSTRAINT amendment_entry_id_fkey;
ALTER TABLE amendment DROP CONSTRAINT amendment_replacement_fkey;
ALTER TABLE erasure DROP CONSTRAINT erasure_entry_id_fkey;

-- A unique index must contain the distribution column. The ids stay unique, because all are drawn from one sequence.
ALTER TABLE attendance DROP CONSTRAINT attendance_pkey;
ALTER TABLE attendance DROP CONSTRAINT attendance_entry_id_key;
ALTER TABLE attendance ADD PRIMARY KEY (entry_id);
CREATE INDEX attendance_id_idx ON attendance (id);

-- One shard on each worker: with Citus' default of 32, every batch would be a transaction of 32 parts.
SELECT create_distributed_table('attendance', 'entry_id', shard_count => count(*)::int, colocate_with => 'none')
FROM citus_get_active_worker_nodes();

-- Joined with the entries, and few.
SELECT create_reference_table('amendment');
SELECT create_reference_table('erasure');

COMMIT;
