# says: ended (exit status: 7); it said: `no licence`
echo no licence >&2
exit 7
