/** The magic packet of wake-on-LAN: six times 0xff, then sixteen times the address of the network card. */
export function magicPacket(mac: string): Buffer {
  const address = Buffer.from(mac.replace(/[:-]/g, ''), 'hex')
  return Buffer.concat([Buffer.alloc(6, 0xff), ...Array.from({ length: 16 }, () => address)])
}
