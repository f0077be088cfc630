# enter.sh by-hand|systemd ROOT PACKAGES DIR: runs DIR/script in a copy of the Debian in ROOT, where systemd is
# PID 1 if that is asked for; what the script writes comes out here. Everything happens in namespaces (unshare),
# which take processes and mounts with them. Status 77: that cannot be done here.
mode=$1 root=$2 packages=$3 dir=$4
namespaces="--mount --pid --net --uts --ipc --fork --kill-child"

skip() {
	echo "skipped: $1"
	exit 77
}

# Outside: systemd gets a control group of its own (version 2), so that it never sees another's.
if [ "${5:-}" != inside ]; then
	[ "$mode" = systemd ] || exec unshare $namespaces sh -eu "$0" "$@" inside
	cgroups=$(findmnt -n -o TARGET -t cgroup2 | head -n 1)
	[ -n "$cgroups" ] || skip "systemd as PID 1: no cgroup2 file system is mounted here"
	group=$cgroups$(sed -n 's/^0:://p' /proc/self/cgroup)/dnseal-test-$$
	mkdir "$group" || skip "systemd as PID 1: no control group can be made in $cgroups"
	touch "$dir/out"
	status=0
	sh -c 'echo $$ >"$0/cgroup.procs"; exec "$@"' "$group" \
		unshare --cgroup $namespaces sh -eu "$0" "$@" inside >"$dir/console" 2>&1 || status=$?
	find "$group" -depth -type d -exec rmdir {} +
	cat "$dir/out"
	# It is with this status that systemd gives up in a container, before it starts anything.
	if [ $status = 255 ] && [ ! -s "$dir/out" ]; then
		skip "systemd as PID 1: $(tail -n 3 "$dir/console")"
	fi
	[ -s "$dir/out" ] || cat "$dir/console"
	exit $status
fi

mount --make-rprivate /
mkdir "$dir/mnt"
mount -t tmpfs -o size=3G,mode=755 tmpfs "$dir/mnt"
cp "$dir/script" "$dir/mnt/script"
cd "$dir/mnt"
mkdir upper work new
mount -t overlay -o "lowerdir=$root,upperdir=upper,workdir=work" overlay new || skip "no overlay file system"
mount -t proc proc new/proc
mount -t sysfs -o ro sysfs new/sys
mount -t tmpfs -o mode=755 tmpfs new/dev
for node in null zero full random urandom tty; do
	touch "new/dev/$node"
	mount --bind "/dev/$node" "new/dev/$node"
done
ln -s /proc/self/fd new/dev/fd
mkdir new/dev/shm new/dev/pts new/packages
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts new/dev/pts
ln -s pts/ptmx new/dev/ptmx
mount -t tmpfs tmpfs new/tmp
mount --bind "$packages" new/packages
mount -o remount,bind,ro new/packages
cp script new/script
hostname mail
echo mail >new/etc/hostname
echo '127.0.0.1 localhost mail mail.example.org' >new/etc/hosts
echo mail.example.org >new/etc/mailname
ip link set lo up
set -- env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8
[ "$mode" = systemd ] || exec "$@" chroot new bash /script

# The kernel is everybody's: its settings are read only, as systemd-nspawn has it.
mount --bind new/proc/sys new/proc/sys
mount -o remount,bind,ro new/proc/sys
mount -t cgroup2 cgroup2 new/sys/fs/cgroup || skip "systemd as PID 1: cgroup2 cannot be mounted"
mount -t tmpfs -o mode=755 tmpfs new/run
touch new/out
mount --bind "$dir/out" new/out
units=new/etc/systemd/system
mkdir -p $units/multi-user.target.wants
for unit in apt-daily.timer apt-daily-upgrade.timer systemd-modules-load.service systemd-remount-fs.service systemd-sysctl.service; do
	ln -s /dev/null $units/$unit
done
# Where root may not raise limits, as in some containers, the units get what there is.
if [ "$(ulimit -Hn)" != unlimited ] && [ "$(ulimit -Hn)" -lt 65536 ]; then
	mkdir $units/dnseal-.service.d
	printf '[Service]\nLimitNOFILE=%s\n' "$(ulimit -Hn)" >$units/dnseal-.service.d/limit.conf
fi
cat >$units/script.service <<'END'
[Service]
Type=oneshot
Environment=HOME=/root LC_ALL=C.UTF-8
ExecStart=/bin/sh -c 'bash /script >/out 2>&1; s=$$?; test $$s = 0 || journalctl -q --no-pager -n 60 >>/out; systemctl exit $$s'
END
ln -s ../script.service $units/multi-user.target.wants/script.service
exec "$@" container=dnseal chroot new /lib/systemd/systemd --system --log-target=journal --unit=multi-user.target
