-- What the model was asked on each day (days since 1970, UTC): the daily budget outlives processes.
CREATE TABLE model_use (
  day integer PRIMARY KEY,
  calls bigint NOT NULL DEFAULT 0,
  tokens bigint NOT NULL DEFAULT 0
);
