;; says: cannot be set up with 4096 KiB of memory
@plugin
(table 100000000 funcref)
@answers {"value":0.5}
