-- Exactly one epoch is open: new keys are wrapped by it, the keys of closed ones wait to be wrapped again.

create unique index epoch_open on keyring.epoch ((closed_at is null)) where closed_at is null;
