;; says: its description offers 0 graders
@describes {"name":"odd","version":"1.0.0","summary":"s","graders":[]}
@answers {"value":0.5}
