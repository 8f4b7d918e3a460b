;; says: its description offers nothing: no grader, filler, tool or importer
@describes {"name":"odd","version":"1.0.0","summary":"s","graders":[]}
@answers {"value":0.5}
