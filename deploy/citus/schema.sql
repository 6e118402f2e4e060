-- Moves all tables of one site, which has a schema of its own, to one of the workers. Run it once for each site, as the
-- owner of the schema, on the coordinator, after 'rollcall migrate' and before the service starts:
--
--   psql -v ON_ERROR_STOP=1 -v site=site_a -f schema.sql

SELECT citus_schema_distribute(:'site');
