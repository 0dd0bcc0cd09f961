-- Few, and looked for after every turn among all that were ever done.
CREATE INDEX memory_job_dead ON memory_job (run_after) WHERE state = 'dead';
