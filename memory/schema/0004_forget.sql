-- What was forgotten stays forgotten, whatever is replayed: which messages (no word of them), and which
-- statements, by their hash, when they were said before that time.
CREATE TABLE forgotten_message (
  conversation_id uuid NOT NULL,
  first_seq bigint NOT NULL,
  last_seq bigint NOT NULL CHECK (last_seq >= first_seq),
  PRIMARY KEY (conversation_id, first_seq, last_seq)
);
CREATE TABLE forgotten_fact (
  spo_key text PRIMARY KEY,
  at timestamptz NOT NULL
);
