-- What follows a job in its conversation is claimed with it; and a conversation that is forgotten is looked for among all jobs
-- that were ever done.
CREATE INDEX memory_job_conversation ON memory_job (conversation_id, first_seq);
