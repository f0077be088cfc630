# enter.sh ROOT PACKAGES DIR: runs DIR/script in a copy of the Debian in ROOT. It is run in namespaces
# of its own (unshare), which take the mounts with them. Status 77: that cannot be done here.
root=$1 packages=$2 dir=$3
mount --make-rprivate /
mkdir "$dir/mnt"
mount -t tmpfs -o size=3G,mode=755 tmpfs "$dir/mnt"
cp "$dir/script" "$dir/mnt/script"
cd "$dir/mnt"
mkdir upper work new
mount -t overlay -o "lowerdir=$root,upperdir=upper,workdir=work" overlay new || { echo "skipped: no overlay file system"; exit 77; }
mount -t proc proc new/proc
mount -t sysfs -o ro sysfs new/sys
mount -t tmpfs -o mode=755 tmpfs new/dev
for node in null zero full random urandom tty; do
	touch "new/dev/$node"
	mount --bind "/dev/$node" "new/dev/$node"
done
ln -s /proc/self/fd new/dev/fd
mkdir new/dev/shm new/packages
mount -t tmpfs tmpfs new/tmp
mount --bind "$packages" new/packages
mount -o remount,bind,ro new/packages
cp script new/script
hostname mail
echo '127.0.0.1 localhost mail mail.example.org' >new/etc/hosts
echo mail.example.org >new/etc/mailname
ip link set lo up
exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 chroot new bash /script
