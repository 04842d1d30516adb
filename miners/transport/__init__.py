"""The bytes: TCP 4028 (rpc), TCP 4433 frames, and the makers' web CGI. Foreign errors become PollErrors here."""
