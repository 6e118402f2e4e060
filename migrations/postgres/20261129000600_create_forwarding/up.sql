-- Only an embedded file is forwarded. The two stores have the same migrations.
SELECT 1;
