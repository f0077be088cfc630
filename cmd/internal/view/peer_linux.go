package view

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"io"
	"net"
	"net/netip"
	"os"
	"strconv"
)

// own reports whether the other end of a connection over loopback is a socket of this user or of
// root. Where the kernel shows no sockets it cannot be told, and token and cookie alone decide.
func own(c net.Conn) bool {
	uid, known := peerUser(c.RemoteAddr(), c.LocalAddr())
	return !known || uid == os.Getuid() || uid == 0
}

// peerUser looks the socket up whose own address is local and whose peer is remote, as the other
// end sees it. A socket that is not there, or has been closed by its program, is of user -1.
func peerUser(local, remote net.Addr) (uid int, known bool) {
	from, to := addrPort(local), addrPort(remote)
	for _, file := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		f, err := os.Open(file)
		if err != nil {
			continue
		}
		uid, found := socketUser(f, from, to)
		_ = f.Close()
		if found {
			return uid, true
		}
		known = true
	}
	return -1, known
}

func addrPort(a net.Addr) netip.AddrPort {
	t, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.AddrPort{}
	}
	p := t.AddrPort()
	return netip.AddrPortFrom(p.Addr().Unmap(), p.Port())
}

// socketUser reads the table of proc(5), /proc/net/tcp: local and remote address are the fields 1
// and 2, uid and inode the fields 7 and 9. The inode of a socket that its program has closed is 0.
func socketUser(r io.Reader, local, remote netip.AddrPort) (uid int, found bool) {
	for lines := bufio.NewScanner(r); lines.Scan(); {
		f := bytes.Fields(lines.Bytes())
		if len(f) < 10 || parseSocket(f[1]) != local || parseSocket(f[2]) != remote {
			continue
		}
		uid, err := strconv.Atoi(string(f[7]))
		if err != nil || string(f[9]) == "0" {
			return -1, true
		}
		return uid, true
	}
	return -1, false
}

// parseSocket reads "0100007F:1F90": words of 32 bits in the order of this machine, then the port.
func parseSocket(text []byte) netip.AddrPort {
	address, port, ok := bytes.Cut(text, []byte(":"))
	number, err := strconv.ParseUint(string(port), 16, 16)
	b, err2 := hex.DecodeString(string(address))
	if !ok || err != nil || err2 != nil || len(b)%4 != 0 {
		return netip.AddrPort{}
	}
	for i := 0; i < len(b); i += 4 {
		binary.NativeEndian.PutUint32(b[i:], binary.BigEndian.Uint32(b[i:]))
	}
	ip, ok := netip.AddrFromSlice(b)
	if !ok {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(ip.Unmap(), uint16(number))
}
