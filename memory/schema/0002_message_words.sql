-- For what is too old for the index in memory (MemoryStore::find_messages).
CREATE INDEX message_words ON message USING gin (to_tsvector('simple', text)) WHERE NOT open;
