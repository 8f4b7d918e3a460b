;; says: asks for 4000000000 random numbers
@describes {"name":"odd","version":"1.0.0","summary":"s","fillers":[{"name":"o","summary":"s","random":4000000000,"examples":[{"name":"e","input":{},"output":{}}]}]}
@answers {"value":0.5}
