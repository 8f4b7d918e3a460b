;; says: ran out of fuel: a call may take 1000000 units
@plugin
@when_long (loop $again (br $again))
