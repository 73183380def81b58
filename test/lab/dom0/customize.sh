#!/bin/sh
# mmdebstrap customize hook: makes a dom0 of the freshly installed root.
# $1 is the root of the image; $LAB_FILES the tree to lay over it; $LAB_KEY the private ssh key of the lab;
# $LAB_NODE the Node binary for the agents.
set -eu
root=$1

cp -r --no-preserve=ownership "$LAB_FILES/." "$root/"
chmod 755 "$root"/usr/lib/heliotrope-lab/*
install -d -m 700 "$root/root/.ssh"
install -m 600 "$LAB_KEY" "$root/root/.ssh/id_ed25519"
install -m 600 "$LAB_KEY.pub" "$root/root/.ssh/authorized_keys"
install -D -m 755 "$LAB_NODE" "$root/usr/lib/heliotrope/bin/node"

# Managed hosts must not save and restore domains by themselves; the rest of the list only costs boot time.
systemctl --root="$root" mask xendomains.service \
  apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service \
  fstrim.timer logrotate.timer man-db.timer systemd-tmpfiles-clean.timer systemd-tmpfiles-clean.service \
  getty@tty1.service serial-getty@hvc0.service console-getty.service getty-static.service getty.target \
  systemd-timesyncd.service systemd-networkd.service systemd-resolved.service networking.service \
  systemd-networkd-wait-online.service apparmor.service systemd-pstore.service systemd-update-utmp.service \
  systemd-random-seed.service systemd-hwdb-update.service keyboard-setup.service console-setup.service \
  open-iscsi.service nut-monitor.service nut-client.service nut.target nftables.service \
  systemd-binfmt.service modprobe@drm.service modprobe@fuse.service sys-kernel-debug.mount \
  sys-kernel-tracing.mount dev-hugepages.mount dev-mqueue.mount systemd-firstboot.service ssh.socket \
  >/dev/null 2>&1
systemctl --root="$root" enable heliotrope-lab-identity.service heliotrope-lab-network.service \
  ssh.service iscsid.service >/dev/null 2>&1
systemctl --root="$root" set-default multi-user.target >/dev/null 2>&1

printf '/dev/vda / ext4 rw,noatime,errors=remount-ro 0 0\n' > "$root/etc/fstab"
: > "$root/etc/machine-id"
rm -f "$root/usr/sbin/policy-rc.d" "$root/etc/hostname" "$root/etc/resolv.conf"
rm -rf "$root"/var/cache/apt/* "$root"/var/lib/apt/lists/* "$root"/usr/share/locale/* "$root"/var/log/*.log
