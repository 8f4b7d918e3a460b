#!/nowhere/at/all
# says: cannot be started: `[..]`: No such file or directory (os error 2)
