-- Vectors of messages and facts by model, as memory/vectors/packed_vector.hpp has them: of a model that is not in use any
-- more too, since going back to it then costs nothing. NULL: the model refuses this text.
CREATE TABLE message_embedding (
  message_id bigint NOT NULL REFERENCES message (id) ON DELETE CASCADE,
  model text NOT NULL CHECK (length(model) BETWEEN 1 AND 300),
  vector bytea,
  PRIMARY KEY (message_id, model)
);
CREATE TABLE fact_embedding (
  fact_id bigint NOT NULL REFERENCES fact (id) ON DELETE CASCADE,
  model text NOT NULL CHECK (length(model) BETWEEN 1 AND 300),
  vector bytea,
  PRIMARY KEY (fact_id, model)
);
-- They do not get smaller by compression, and in their rows a start reads them in one go.
ALTER TABLE message_embedding ALTER COLUMN vector SET STORAGE EXTERNAL, SET (toast_tuple_target = 8160);
ALTER TABLE fact_embedding ALTER COLUMN vector SET STORAGE EXTERNAL, SET (toast_tuple_target = 8160);

-- A vector of a text that is another now, or that is to be forgotten, is one of nothing.
CREATE FUNCTION message_embedding_outdated() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM message_embedding WHERE message_id = NEW.id;
  RETURN NULL;
END $$;
CREATE TRIGGER message_embedding_outdated AFTER UPDATE OF text ON message FOR EACH ROW
  WHEN (NOT OLD.open AND NEW.text IS DISTINCT FROM OLD.text)
  EXECUTE FUNCTION message_embedding_outdated();
CREATE FUNCTION fact_embedding_outdated() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM fact_embedding WHERE fact_id = NEW.id;
  RETURN NULL;
END $$;
CREATE TRIGGER fact_embedding_outdated AFTER UPDATE OF statement, status ON fact FOR EACH ROW
  WHEN (NEW.statement IS DISTINCT FROM OLD.statement OR NEW.status = 'forgotten')
  EXECUTE FUNCTION fact_embedding_outdated();
