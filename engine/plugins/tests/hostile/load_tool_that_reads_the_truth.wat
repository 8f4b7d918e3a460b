;; says: its tool `o` reads `truth`, which a tool may not
@describes {"name":"odd","version":"1.0.0","summary":"s","tools":[{"name":"o","summary":"s","reads":["truth"],"examples":[{"name":"e","input":{},"output":{}}]}]}
@answers {"value":0.5}
