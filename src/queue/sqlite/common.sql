-- The first row of a conversation that is not done.
CREATE INDEX IF NOT EXISTS message_queue_order ON message_queue (conversation, id)
    WHERE status IN ('pending', 'processing');

-- Whether a conversation is being worked on.
CREATE INDEX IF NOT EXISTS message_queue_work ON message_queue (conversation)
    WHERE status = 'processing';

-- What somebody should look at.
CREATE INDEX IF NOT EXISTS message_queue_parked ON message_queue (id)
    WHERE status IN ('review', 'dead');

-- What can be erased and purged.
CREATE INDEX IF NOT EXISTS message_queue_done ON message_queue (finished_at)
    WHERE status = 'done';
