;; says: start function
@plugin
(func $start (unreachable))
(start $start)
@answers {"value":0.5}
