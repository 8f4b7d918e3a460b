;; says: cannot be set up with 4096 KiB of memory
@plugin_with_memory 65536
@answers {"value":0.5}
