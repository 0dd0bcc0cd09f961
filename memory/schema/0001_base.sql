-- Conversations, their messages, the durable queue, entities, facts and where each fact was said.
CREATE TABLE conversation (
  id uuid PRIMARY KEY,
  channel text NOT NULL CHECK (channel IN ('voice', 'text')),
  started_at timestamptz NOT NULL
);

CREATE TABLE message (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  conversation_id uuid NOT NULL REFERENCES conversation (id) ON DELETE CASCADE,
  seq bigint NOT NULL CHECK (seq >= 0),
  role text NOT NULL CHECK (role IN ('user', 'assistant')),
  channel text NOT NULL CHECK (channel IN ('voice', 'text')),
  text text NOT NULL CHECK (octet_length(text) <= 262144),
  at timestamptz NOT NULL,
  interrupted boolean NOT NULL DEFAULT false,
  open boolean NOT NULL DEFAULT false,
  UNIQUE (conversation_id, seq)
);

-- Segments of a reply that is still open; its end replaces them.
CREATE TABLE message_segment (
  message_id bigint NOT NULL REFERENCES message (id) ON DELETE CASCADE,
  segment integer NOT NULL,
  text text NOT NULL,
  PRIMARY KEY (message_id, segment)
);

CREATE TABLE memory_job (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  kind text NOT NULL CHECK (kind IN ('extract', 'apply')),
  dedupe_key text NOT NULL UNIQUE,
  conversation_id uuid NOT NULL REFERENCES conversation (id) ON DELETE CASCADE,
  first_seq bigint NOT NULL,
  last_seq bigint NOT NULL CHECK (last_seq >= first_seq),
  state text NOT NULL DEFAULT 'ready' CHECK (state IN ('ready', 'leased', 'done', 'dead')),
  attempts integer NOT NULL DEFAULT 0 CHECK (attempts >= 0),
  run_after timestamptz NOT NULL,
  lease_until timestamptz,
  lease_token text,
  lease_owner text,
  result text,
  last_error text,
  created_at timestamptz NOT NULL DEFAULT now(),
  CHECK ((state = 'leased') = (lease_token IS NOT NULL))
);
CREATE INDEX memory_job_ready ON memory_job (kind, run_after, id) WHERE state = 'ready';
CREATE INDEX memory_job_leased ON memory_job (lease_until) WHERE state = 'leased';

CREATE TABLE entity (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
  type text NOT NULL DEFAULT '',
  description text NOT NULL DEFAULT '',
  created_at timestamptz NOT NULL DEFAULT now()
);

-- Every name an entity goes by, normalised (NFKC, case-folded, single spaces).
CREATE TABLE entity_alias (
  alias_norm text PRIMARY KEY CHECK (length(alias_norm) BETWEEN 1 AND 200),
  entity_id bigint NOT NULL REFERENCES entity (id) ON DELETE CASCADE
);

-- A relationship is a fact whose object is an entity too.
CREATE TABLE fact (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  fact_key text NOT NULL UNIQUE,  -- what is said and by which message
  spo_key text NOT NULL,          -- what is said
  subject text NOT NULL CHECK (length(subject) BETWEEN 1 AND 200),
  predicate text NOT NULL CHECK (length(predicate) BETWEEN 1 AND 200),
  object text NOT NULL CHECK (length(object) <= 400),
  subject_entity bigint REFERENCES entity (id) ON DELETE SET NULL,
  object_entity bigint REFERENCES entity (id) ON DELETE SET NULL,
  statement text NOT NULL CHECK (length(statement) BETWEEN 1 AND 600),
  origin text NOT NULL DEFAULT 'user' CHECK (origin IN ('user', 'tool', 'import')),
  status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'superseded', 'forgotten', 'quarantined')),
  valid_from timestamptz NOT NULL,
  valid_to timestamptz,
  superseded_by bigint REFERENCES fact (id) ON DELETE SET NULL,
  recorded_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX fact_active ON fact (subject, predicate) WHERE status = 'active';
CREATE UNIQUE INDEX fact_active_once ON fact (spo_key) WHERE status = 'active';

CREATE TABLE fact_source (
  fact_id bigint NOT NULL REFERENCES fact (id) ON DELETE CASCADE,
  message_id bigint NOT NULL REFERENCES message (id) ON DELETE CASCADE,
  PRIMARY KEY (fact_id, message_id)
);
CREATE INDEX fact_source_message ON fact_source (message_id);

-- Provenance: no active fact without a message that says so. Checked at commit.
CREATE FUNCTION fact_needs_source() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM fact f WHERE f.id = NEW.id AND f.status = 'active'
             AND NOT EXISTS (SELECT 1 FROM fact_source s WHERE s.fact_id = f.id)) THEN
    RAISE EXCEPTION 'fact % has no source', NEW.id USING ERRCODE = 'check_violation';
  END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER fact_provenance AFTER INSERT OR UPDATE ON fact
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION fact_needs_source();

-- A fact whose last source is forgotten is forgotten.
CREATE FUNCTION fact_lost_source() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM fact f WHERE f.id = OLD.fact_id
    AND NOT EXISTS (SELECT 1 FROM fact_source s WHERE s.fact_id = f.id);
  RETURN NULL;
END $$;
CREATE TRIGGER fact_source_gone AFTER DELETE ON fact_source
  FOR EACH ROW EXECUTE FUNCTION fact_lost_source();
