package config

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestPublishOptions: what [publish] says reaches package publish, by update and by zone file.
func TestPublishOptions(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	key := filepath.Join(dir, "key")
	if err := os.WriteFile(key, []byte(`key "dnseal" { algorithm hmac-sha512; secret "c2VjcmV0"; };`), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Load(write(t, dir, "[publish]\nserver = \"192.0.2.1\"\nzone = \"example.org\"\nname-servers = [\"ns1.example.org\"]\ntsig-key = \""+key+"\""))
	if err != nil {
		t.Fatal(err)
	}
	o := c.PublishOptions(nil)
	if o.Server != "192.0.2.1" || o.Zone != "example.org" || !slices.Equal(o.NameServers, []string{"ns1.example.org"}) || o.Key == nil || o.Key.Name != "dnseal." {
		t.Errorf("%+v", o)
	}
	if c.ZoneFileOptions(nil).File != "" {
		t.Error("a zone file that nobody named")
	}
	dir = t.TempDir()
	c, err = Load(write(t, dir, "[publish]\npostgres = \"host=db dbname=pdns\"\nzone = \"example.org\""))
	if err != nil {
		t.Fatal(err)
	}
	if d := c.PostgresOptions(nil); d.URL != "host=db dbname=pdns" || d.Zone != "example.org" {
		t.Errorf("%+v", d)
	}
	for _, wrong := range []string{"postgres = \"postgres://u:hunter2@[::1/x\"", "postgres = \"host=db password=hunter2\"\nserver = \"192.0.2.1\""} {
		if _, err = Load(write(t, t.TempDir(), "[publish]\n"+wrong)); err == nil || !strings.Contains(err.Error(), "postgres") || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", wrong, err)
		}
	}
	dir = t.TempDir()
	c, err = Load(write(t, dir, "[publish]\nzone-file = \"/etc/nsd/db\"\nreload-command = \"sh -c 'a b'\""))
	if err != nil {
		t.Fatal(err)
	}
	if f := c.ZoneFileOptions(nil); f.File != "/etc/nsd/db" || strings.Join(f.Reload, "|") != "sh|-c|a b" {
		t.Errorf("%+v", f)
	}
}
