umask 027
ulimit -c 0
# a shell that was left open ends after half an hour
case $- in *i*) TMOUT=1800; readonly TMOUT ;; esac
