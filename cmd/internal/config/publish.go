package config

import (
	"errors"
	"io/fs"

	"dnseal/lookup"
	"dnseal/lookup/publish"
	"dnseal/lookup/publish/powerdns"
)

// Publish configures where the records of the identities are published ([publish]): by dynamic
// update (RFC 2136), in a zone file, or in PowerDNS's database. The commands that change a zone use
// it when they are given this file.
type Publish struct {
	// Server is the primary that takes updates, "host" or "host:port". Default: the one in the SOA
	// of the zone, port 53.
	Server string `toml:"server"`
	// TSIGKey is a file with the key that signs updates (RFC 8945), as tsig-keygen writes it:
	// hmac-sha256, hmac-sha384 or hmac-sha512. Default: none; updates are not signed, and their
	// replies prove nothing.
	TSIGKey string `toml:"tsig-key"`
	// Zone is the zone of all names. Default: it is found for each name by questions for SOA
	// records.
	Zone string `toml:"zone"`
	// NameServers are the name servers to read back from, "host" or "host:port". Default: those in
	// the NS records of the zone, port 53.
	NameServers []string `toml:"name-servers"`
	// Keep lets the daemons carry on what the commands began (rollovers, withdrawals) and watch the
	// names of all identities: every five minutes, and when a step is due. They must be allowed to
	// write in identities. What they do and find is in the log, and in the metrics that begin with
	// dnseal_keeper_; the words are those of dnseal identity status and check. Default: false.
	Keep bool `toml:"keep"`
	// ZoneFile is a file that is changed instead of sending updates: the zone file, or one of its
	// own that the zone file has by $INCLUDE. Only what stands between its lines "; dnseal begin"
	// and "; dnseal end" is changed; an empty file gets them. An SOA between them gets
	// the next serial; where there is none, the reload command or the server must raise it.
	// Default: none.
	ZoneFile string `toml:"zone-file"`
	// ReloadCommand makes the server read the zone file: a program and its arguments, separated by
	// spaces, quoted where they hold some; no shell reads it. Default: none.
	ReloadCommand string `toml:"reload-command"`
	// Postgres is the PostgreSQL database of PowerDNS, which is changed instead of sending updates:
	// "postgres://USER@HOST/DATABASE?sslmode=verify-full", or "host=… dbname=… user=…". What is
	// left out comes from PGHOST, PGUSER and the like, as in libpq; the password from the file that
	// PGPASSFILE names (~/.pgpass), or from PGPASSWORD. Without sslmode the server is not
	// authenticated. Default: none.
	Postgres string `toml:"postgres"`
}

func (c *Config) checkPublish(n *notes) {
	p := &c.Publish
	if p.Server != "" {
		n.publish("publish.server", publish.CheckServer(p.Server))
	}
	for _, s := range p.NameServers {
		n.publish("publish.name-servers", publish.CheckServer(s))
	}
	if p.Zone != "" {
		n.publish("publish.zone", publish.CheckZone(p.Zone))
	}
	if _, err := publish.SplitCommand(p.ReloadCommand); err != nil {
		n.wrong("publish.reload-command", "reload-command: %s", strip(err))
	}
	if p.ZoneFile != "" && p.Server != "" {
		n.wrong("publish.zone-file", "zone-file and server exclude each other; write server for updates, or zone-file with reload-command")
	}
	if p.ZoneFile != "" && p.TSIGKey != "" {
		n.wrong("publish.tsig-key", "zone-file and tsig-key exclude each other; a zone file needs no key")
	}
	if p.ZoneFile == "" && p.ReloadCommand != "" {
		n.wrong("publish.reload-command", "reload-command is without zone-file; write the file that it makes the server read")
	}
	p.checkPostgres(n)
	if p.Keep && c.Identities == "" {
		n.wrong("publish.keep", "keep needs identities; write the directory of the identities to watch")
	}
}

func (p *Publish) checkPostgres(n *notes) {
	if p.Postgres == "" {
		return
	}
	n.publish("publish.postgres", powerdns.CheckURL(p.Postgres))
	if p.Server != "" || p.TSIGKey != "" || p.ZoneFile != "" {
		n.wrong("publish.postgres", "postgres excludes server, tsig-key and zone-file; PowerDNS's database is changed in place of them")
	}
}

// publish notes an error of package publish at a key.
func (n *notes) publish(key string, err error) {
	if err != nil {
		n.wrong(key, "%s", strip(err))
	}
}

// loadPublish reads the key.
func (c *Config) loadPublish(n *notes) {
	if c.Publish.TSIGKey == "" {
		return
	}
	key, err := publish.LoadKey(c.Publish.TSIGKey)
	if errors.Is(err, fs.ErrNotExist) {
		n.wrong("publish.tsig-key", "the file %s does not exist; make a key with: tsig-keygen -a hmac-sha256 NAME, and give it to the server too", c.Publish.TSIGKey)
		return
	}
	if errors.Is(err, fs.ErrPermission) {
		n.wrong("publish.tsig-key", "%s", unreadable(c.Publish.TSIGKey))
		return
	}
	if err != nil {
		n.wrong("publish.tsig-key", "%s", strip(err))
		return
	}
	c.loaded.tsig = key
}

// PublishOptions returns the options of [publish] for updates; r has the resolvers.
func (c *Config) PublishOptions(r *lookup.Client) publish.Options {
	p := &c.Publish
	return publish.Options{Server: p.Server, Zone: p.Zone, Key: c.loaded.tsig, NameServers: p.NameServers, Lookup: r}
}

// ZoneFileOptions returns the options of [publish] for a zone file; its File is empty where none is
// named.
func (c *Config) ZoneFileOptions(r *lookup.Client) publish.ZoneFileOptions {
	p := &c.Publish
	reload, _ := publish.SplitCommand(p.ReloadCommand) // Load has checked it
	return publish.ZoneFileOptions{File: p.ZoneFile, Reload: reload, Zone: p.Zone, NameServers: p.NameServers, Lookup: r}
}

// PostgresOptions returns the options of [publish] for PowerDNS's database; the URL is empty where
// none is named.
func (c *Config) PostgresOptions(r *lookup.Client) powerdns.Options {
	p := &c.Publish
	return powerdns.Options{URL: p.Postgres, Zone: p.Zone, NameServers: p.NameServers, Lookup: r}
}
