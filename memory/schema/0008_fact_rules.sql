-- By which rules the keys and predicates of facts were made (kFactRules); older ones are made anew at the next start. 0: also
-- those whose predicate 0003 rewrote without their key.
CREATE TABLE fact_rules (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  version integer NOT NULL
);
INSERT INTO fact_rules (version) VALUES (0);
