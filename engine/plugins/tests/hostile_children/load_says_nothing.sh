# says: did not describe itself within 2 s
exec sleep 3600
