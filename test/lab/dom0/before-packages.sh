#!/bin/sh
# mmdebstrap essential hook: what must stand before the kernel and the daemons are configured.
# $1 is the root of the image.
set -eu
root=$1

# An initramfs with only the four drivers that find the root disk: a full one takes half a minute to unpack
# under emulation.
mkdir -p "$root/etc/initramfs-tools/conf.d"
printf 'MODULES=list\nCOMPRESS=gzip\nRESUME=none\n' > "$root/etc/initramfs-tools/conf.d/heliotrope-lab"
printf 'virtio_pci\nvirtio_blk\nvirtio_net\next4\n' > "$root/etc/initramfs-tools/modules"

# No daemon starts while packages are being installed.
printf '#!/bin/sh\nexit 101\n' > "$root/usr/sbin/policy-rc.d"
chmod 755 "$root/usr/sbin/policy-rc.d"
