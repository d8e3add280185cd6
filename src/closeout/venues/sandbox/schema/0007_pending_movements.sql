-- What is in flight is found by its account without the movements of years.
create index movement_pending on sandbox.movement (account_id) where state = 'pending';
create index movement_disputed on sandbox.movement (account_id) where disputed;
