#!/bin/sh
# YADIFA 2.6.4 (Debian 12): a dynamic update (RFC 2136) for a zone that the server does not have is
# answered by the request itself with an RCODE put in: the QR bit is 0 (RFC 1035, Section 4.1.1, wants
# 1 in responses). The RCODE is NOTZONE, not NOTAUTH (RFC 2136, Section 3.1.2: the zone named is not
# one of the server's). An update for its own zone is answered by a response. (A client that checks QR
# drops the message and waits; one that does not reads "this name is not in that zone" about a name
# that is.)
set -eu
dir=$(mktemp -d)
trap 'kill $pid 2>/dev/null; wait 2>/dev/null; rm -rf "$dir"' EXIT
pid=
cd "$dir"
apt-get download yadifa=2.6.4-1 >/dev/null 2>&1
dpkg -x yadifa_*.deb root
port=$((20000 + $$ % 10000))
mkdir keys xfr log
cat >zone <<'END'
$ORIGIN example.org.
$TTL 300
@ SOA ns hostmaster 1 3600 600 86400 300
@ NS ns
ns A 127.0.0.1
END
cat >yadifad.conf <<END
<main>
  daemon off
  chroot off
  logpath "$dir/log"
  pidfile "$dir/pid"
  datapath "$dir"
  keyspath "$dir/keys"
  xfrpath "$dir/xfr"
  listen 127.0.0.1 port $port
  allow-query any
  allow-update any
</main>
<zone>
  type primary
  domain example.org
  file zone
  allow-update any
</zone>
END
root/usr/sbin/yadifad -c yadifad.conf >/dev/null 2>&1 &
pid=$!

# update ZONE: what comes back to an update that adds an address at a.ZONE.
cat >update.py <<'END'
import socket, struct, sys, time

port, zone = int(sys.argv[1]), sys.argv[2]
name = b"".join(bytes([len(l)]) + l.encode() for l in zone.split(".")) + b"\0"
message = struct.pack(">HHHHHH", 4711, 5 << 11, 1, 0, 1, 0) + name + struct.pack(">HH", 6, 1)
message += b"\1a" + name + struct.pack(">HHIH", 1, 1, 300, 4) + bytes([192, 0, 2, 1])
for _ in range(300):
    try:
        s = socket.create_connection(("127.0.0.1", port), 10)
        break
    except OSError:
        time.sleep(0.1)
s.settimeout(20)
s.sendall(struct.pack(">H", len(message)) + message)
reply = s.recv(2)
while len(reply) < 2 + struct.unpack(">H", reply[:2])[0]:
    reply += s.recv(4096)
flags = struct.unpack(">H", reply[4:6])[0]
print(f"{zone}: QR {flags >> 15}, opcode {flags >> 11 & 15}, RCODE {flags & 15}")
END
{
	python3 update.py "$port" example.org
	python3 update.py "$port" example.net
} >out
cat out
diff - out <<'WANT'
example.org: QR 1, opcode 5, RCODE 0
example.net: QR 0, opcode 5, RCODE 10
WANT
