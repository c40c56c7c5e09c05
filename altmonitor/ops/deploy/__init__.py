"""From this folder onto a server over OpenSSH and rsync. Standard library only: it runs before anything is installed.

`options` argv → values · `ssh` and `releases` values → command lines · `docker` `systemd` the two targets as lists of
steps · `runner` carries steps out · `deployment` the order, the health check and the way back.
"""
