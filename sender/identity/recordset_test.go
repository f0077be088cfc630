package identity

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"dnseal/lookup/dane"
	"dnseal/lookup/lookuptest/peertest"
)

func testRecord(owner string, t dane.Type, octets int) ResourceRecord {
	return ResourceRecord{Identity: "alice@example.org", Owner: owner, Type: t, TTL: 5 * time.Minute, Record: dane.Record{Usage: 3, Data: bytes.Repeat([]byte{0xab}, octets)}}
}

// hashed is an owner name of RFC 8162.
const hashed = "2bd806c97f0e00af1a1fc3328fa763a9269723c8db8fac4f93af71db._smimecert."

func TestWriteRecords(t *testing.T) {
	t.Parallel()
	rr := testRecord("dev1._device.example.org.", dane.TLSA, 2)
	tests := []struct {
		format RecordFormat
		target UpdateTarget
		want   string
	}{
		{"", UpdateTarget{}, "dev1._device.example.org. 300 IN TLSA 3 0 0 abab\n"},
		{FormatUnknown, UpdateTarget{}, `dev1._device.example.org. 300 IN TYPE52 \# 5 030000abab` + "\n"},
		{FormatUpdate, UpdateTarget{}, "update add dev1._device.example.org. 300 IN TLSA 3 0 0 abab\nsend\n"},
		{FormatUpdate, UpdateTarget{"ns1.example.org", "Example.ORG"}, "server ns1.example.org\nzone example.org.\nupdate add dev1._device.example.org. 300 IN TLSA 3 0 0 abab\nsend\n"},
		{FormatUpdate, UpdateTarget{Server: "[::1]:5300"}, "server ::1 5300\nupdate add dev1._device.example.org. 300 IN TLSA 3 0 0 abab\nsend\n"},
		{FormatUpdate, UpdateTarget{Server: "2001:db8::1"}, "server 2001:db8::1\nupdate add dev1._device.example.org. 300 IN TLSA 3 0 0 abab\nsend\n"},
		{FormatJSON, UpdateTarget{}, `{"identity":"alice@example.org","name":"dev1._device.example.org.","type":"TLSA","ttl":300,"usage":3,"selector":0,"matching":0,"data":"abab","rfc3597":"\\# 5 030000abab"}` + "\n"},
	}
	for _, tt := range tests {
		var b strings.Builder
		if err := WriteRecords(&b, []ResourceRecord{rr}, tt.format, tt.target); err != nil || b.String() != tt.want {
			t.Errorf("%s %+v: %q, %v, want %q", tt.format, tt.target, b.String(), err, tt.want)
		}
		if tt.format == FormatJSON && !json.Valid([]byte(b.String())) {
			t.Error("not JSON")
		}
	}
}

// TestUpdateTarget: what would be another line of the script is refused.
func TestUpdateTarget(t *testing.T) {
	t.Parallel()
	for _, target := range []UpdateTarget{
		{Server: "ns1\nkey hmac-md5:x"},
		{Server: "127.0.0.1:dns"},
		{Server: "127.0.0.1:70000"},
		{Server: "a b"},
		{Server: "[::1"},
		{Server: ":53"},
		{Zone: "example.org\nsend"},
		{Zone: "a..b"},
		{Zone: strings.Repeat("a", 64) + ".org"},
	} {
		var b strings.Builder
		if err := WriteRecords(&b, nil, FormatUpdate, target); Hint(err) == "" || b.Len() > 0 {
			t.Errorf("%+v: %q, %v", target, b.String(), err)
		}
	}
	if err := WriteRecords(&strings.Builder{}, nil, FormatZone, UpdateTarget{Zone: "example.org"}); Hint(err) == "" {
		t.Errorf("a zone without nsupdate: %v", err)
	}
}

// TestUpdateMessages: nsupdate has no room for 640 records in a message.
func TestUpdateMessages(t *testing.T) {
	t.Parallel()
	records := make([]ResourceRecord, 1001)
	for i := range records {
		records[i] = testRecord("dev"+strconv.Itoa(i)+"._device.example.org.", dane.TLSA, 32)
	}
	var b strings.Builder
	if err := WriteRecords(&b, records, FormatUpdate, UpdateTarget{}); err != nil {
		t.Fatal(err)
	}
	parts := strings.SplitAfter(b.String(), "\nsend\n")
	if len(parts) != 4 || strings.Count(parts[0], "update add") != 500 || strings.Count(parts[1], "update add") != 500 || strings.Count(parts[2], "update add") != 1 {
		t.Errorf("%d messages", len(parts)-1)
	}
}

// TestUpdatePrograms: nsupdate and knsupdate read the script, long records too.
func TestUpdatePrograms(t *testing.T) {
	t.Parallel()
	records := []ResourceRecord{
		testRecord(hashed+"example.org.", dane.SMIMEA, 32), testRecord(hashed+"example.org.", dane.SMIMEA, 4096),
		testRecord("*._device.example.org.", dane.TLSA, 500), testRecord("_user.example.org.", dane.TLSA, 64),
	}
	var b strings.Builder
	if err := WriteRecords(&b, records, FormatUpdate, UpdateTarget{Server: "127.0.0.1:9", Zone: "example.org"}); err != nil {
		t.Fatal(err)
	}
	for _, program := range []string{"nsupdate", "knsupdate"} {
		t.Run(program, func(t *testing.T) {
			t.Parallel()
			cmd := exec.CommandContext(t.Context(), peertest.Program(t, program))
			// show prints the message that send would send.
			cmd.Stdin = strings.NewReader(strings.Replace(b.String(), "\nsend\n", "\nshow\n", 1))
			out, err := cmd.CombinedOutput()
			if err != nil || bytes.Count(out, []byte("SMIMEA")) != 2 || bytes.Count(out, []byte("TLSA")) != 2 {
				t.Errorf("%v: %.500s", err, out)
			}
		})
	}
}

// TestSizeWarning compares with what was measured: BIND, Knot and PowerDNS, zones of two short
// labels, ECDSA P-256: they truncate from certificates of 1020 octets, BIND from 900 where a
// resolver asks; those of 432 (P-256) and 827 (RSA-2048) pass, that of 1339 (RSA-4096) does not.
func TestSizeWarning(t *testing.T) {
	t.Parallel()
	tests := []struct {
		octets int
		want   string
	}{
		{32, ""},
		{64, ""},
		{432, ""},
		{500, "as during a rollover"},
		{827, "as during a rollover"},
		{900, "near the 1232"},
		{1020, "more than the 1232"},
		{1339, "more than the 1232"},
		{65000, "more than the 1232"},
	}
	for _, tt := range tests {
		warning := SizeWarning(testRecord(hashed+"b.test.", dane.SMIMEA, tt.octets))
		switch {
		case tt.want == "" && warning != nil:
			t.Errorf("%d: %v", tt.octets, warning)
		case tt.want != "" && (warning == nil || !strings.Contains(warning.Error(), tt.want) || Hint(warning) == ""):
			t.Errorf("%d: %v, want %q", tt.octets, warning, tt.want)
		}
	}
	long := testRecord(hashed+"b.test.", dane.SMIMEA, 65500)
	if err := WriteRecords(&strings.Builder{}, []ResourceRecord{long}, "", UpdateTarget{}); Hint(err) == "" {
		t.Errorf("too long for TCP: %v", err)
	}
}

func TestRecordAt(t *testing.T) {
	t.Parallel()
	tests := []struct {
		kind  Kind
		name  string
		place Place
		usage uint8
		want  string
	}{
		{Mail, "alice@example.org", AtMail, 2, "*._smimecert.example.org. SMIMEA"},
		{Mail, "alice@example.org", AtMail, 0, "*._smimecert.example.org. SMIMEA"},
		{Mail, "alice@example.org", AtUser, 2, "_user.example.org. TLSA"},
		{Mail, "alice@example.org", AtUser, 0, ""},
		{Mail, "alice@example.org", AtUser, 3, ""},
		{Mail, "alice@example.org", AtDevices, 2, ""},
		{Mail, "alice@example.org", "elsewhere", 2, ""},
		{Device, "a.b._device.example.net", AtDevices, 2, "*._device.example.net. TLSA"},
		{Device, "a._device.example.net", AtName, 3, "a._device.example.net. TLSA"},
		{Device, "a._device.example.net", AtDevices, 1, ""},
		{Device, "a._device.example.net", AtUser, 2, ""},
		{Host, "a.example.net", AtDevices, 2, ""},
	}
	for _, tt := range tests {
		owner, typ, err := (&Identity{Kind: tt.kind, Name: tt.name}).RecordAt(tt.place, tt.usage)
		if got := owner + " " + typ.String(); tt.want != got && (tt.want != "" || Hint(err) == "") {
			t.Errorf("%s at %s: %s, %v, want %s", tt.name, tt.place, got, err, tt.want)
		}
	}
	long := strings.Repeat("a.", 120) + "example.org"
	for _, domain := range []string{"", "a b", "_x.example.org", "alice@example.org", long} {
		if owner, _, err := AtMail.DomainOwner(domain); Hint(err) == "" {
			t.Errorf("DomainOwner(%q) = %q, %v", domain, owner, err)
		}
	}
	if owner, _, err := AtUser.DomainOwner("Bücher.example"); owner != "_user.xn--bcher-kva.example." {
		t.Errorf("A-labels: %q, %v", owner, err)
	}
	if _, _, err := AtName.DomainOwner("example.org"); Hint(err) == "" {
		t.Error("a domain at a name")
	}
}
