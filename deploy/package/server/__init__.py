"""The server's place in an OpenEnv package; see `app`."""
