-- What a promise to lose nothing rests on, as this session has it. About no bucket.
SELECT current_setting('fsync'), current_setting('full_page_writes'), current_setting('synchronous_commit'),
       current_setting('default_transaction_isolation'), current_setting('server_version_num')::integer,
       current_user::text, (SELECT rolsuper FROM pg_roles WHERE rolname = current_user),
       (SELECT tableowner = current_user FROM pg_tables WHERE schemaname = 'public' AND tablename = 'event'),
       (SELECT array_agg(t.name || ' ' || r.right)
          FROM unnest(ARRAY['event', 'command_log', 'stream_head', 'bucket_head']) AS t(name),
               unnest(ARRAY['INSERT', 'UPDATE', 'DELETE', 'TRUNCATE']) AS r("right")
         WHERE has_table_privilege(current_user, t.name, r.right)),
       (SELECT count(*) FROM pg_trigger
         WHERE tgname = 'append_only' AND tgenabled = 'A'
           AND tgrelid IN ('event'::regclass, 'command_log'::regclass)),
       (SELECT coalesce(max(extract(epoch FROM clock_timestamp() - xact_start)), 0)::integer
          FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()),
       pg_is_in_recovery()
