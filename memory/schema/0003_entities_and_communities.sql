-- Entities that turned out to be one, facts that wait for a person, communities by generation.

-- A merge points the loser to the winner. Facts and aliases stay where they are, so that it can be undone.
ALTER TABLE entity ADD COLUMN merged_into bigint REFERENCES entity (id) ON DELETE SET NULL,
  ADD CONSTRAINT entity_not_itself CHECK (merged_into <> id);
CREATE INDEX entity_merged ON entity (merged_into) WHERE merged_into IS NOT NULL;

-- name: it was called so; variant: learnt when another form of the name was found to be its own.
ALTER TABLE entity_alias ADD COLUMN kind text NOT NULL DEFAULT 'name' CHECK (kind IN ('name', 'variant'));
CREATE INDEX entity_alias_entity ON entity_alias (entity_id);

ALTER TABLE fact
  ADD COLUMN confidence real NOT NULL DEFAULT 1 CHECK (confidence BETWEEN 0 AND 1),
  ADD COLUMN importance real NOT NULL DEFAULT 0.5 CHECK (importance BETWEEN 0 AND 1),
  ADD COLUMN suspicion text NOT NULL DEFAULT '' CHECK (length(suspicion) <= 60),  -- why it waits
  ADD COLUMN confirmed_at timestamptz,
  ADD COLUMN read_count integer NOT NULL DEFAULT 0 CHECK (read_count >= 0),
  ADD COLUMN read_at timestamptz,
  ADD COLUMN ended_by_merge bigint REFERENCES entity (id) ON DELETE SET NULL,  -- undoing it opens the fact again
  DROP CONSTRAINT fact_origin_check,
  ADD CONSTRAINT fact_origin_check CHECK (origin IN ('user', 'assistant', 'tool', 'web', 'import')),
  ADD CONSTRAINT fact_quarantine_has_reason CHECK (status <> 'quarantined' OR suspicion <> ''),
  ADD CONSTRAINT fact_validity CHECK (valid_to IS NULL OR valid_to >= valid_from);
CREATE INDEX fact_history ON fact (subject, predicate, valid_from);
CREATE INDEX fact_subject_entity ON fact (subject_entity) WHERE subject_entity IS NOT NULL;
CREATE INDEX fact_object_entity ON fact (object_entity) WHERE object_entity IS NOT NULL;
CREATE INDEX fact_superseded_by ON fact (superseded_by) WHERE superseded_by IS NOT NULL;
CREATE INDEX fact_quarantined ON fact (recorded_at) WHERE status = 'quarantined';

-- The entities that the model was offered by number 1, 2, ...: a JSON list of their ids.
ALTER TABLE memory_job ADD COLUMN offered text NOT NULL DEFAULT '[]' CHECK (octet_length(offered) <= 1000);

-- Groups of entities that belong together. A new generation is built beside the one that is read.
CREATE TABLE community (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  generation bigint NOT NULL CHECK (generation > 0),
  content_key text NOT NULL,  -- of its members and their facts: the same content has the same summary
  summary text NOT NULL DEFAULT '' CHECK (octet_length(summary) <= 4000),
  state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'done', 'failed')),
  attempts integer NOT NULL DEFAULT 0 CHECK (attempts >= 0),
  UNIQUE (generation, content_key)
);
CREATE TABLE community_member (
  community_id bigint NOT NULL REFERENCES community (id) ON DELETE CASCADE,
  entity_id bigint NOT NULL REFERENCES entity (id) ON DELETE CASCADE,
  PRIMARY KEY (community_id, entity_id)
);
CREATE INDEX community_member_entity ON community_member (entity_id);
CREATE TABLE community_fact (
  community_id bigint NOT NULL REFERENCES community (id) ON DELETE CASCADE,
  fact_id bigint NOT NULL REFERENCES fact (id) ON DELETE CASCADE,
  PRIMARY KEY (community_id, fact_id)
);
CREATE INDEX community_fact_fact ON community_fact (fact_id);

-- One row: which generation is read, and which one is built (0: none).
CREATE TABLE community_generation (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  current bigint NOT NULL,
  building bigint NOT NULL
);
INSERT INTO community_generation (current, building) VALUES (0, 0);

-- A summary tells of its facts: when one of them is forgotten the summary is, too.
CREATE FUNCTION community_lost_fact() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM community c WHERE c.id = OLD.community_id;
  RETURN NULL;
END $$;
CREATE TRIGGER community_fact_gone AFTER DELETE ON community_fact
  FOR EACH ROW EXECUTE FUNCTION community_lost_fact();

-- Relations that have one spelling from now on (facts.cpp), so that a newer fact ends an older one.
UPDATE fact SET predicate = v.usual FROM (VALUES
    ('live_in', 'lives_in'), ('moved_to', 'lives_in'), ('work_at', 'works_at'), ('works_for', 'works_at'),
    ('occupation', 'job'), ('profession', 'job'), ('job_title', 'job'), ('birth_date', 'birthday'),
    ('born_on', 'birthday')) v (other, usual)
  WHERE fact.predicate = v.other;
-- Else a later step could not alter the table: its checks would still wait for the commit.
SET CONSTRAINTS ALL IMMEDIATE;
SET CONSTRAINTS ALL DEFERRED;
