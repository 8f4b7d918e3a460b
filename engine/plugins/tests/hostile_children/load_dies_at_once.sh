# says: ended (exit status: 7); its last output: `no licence`
echo no licence >&2
exit 7
