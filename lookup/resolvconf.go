package lookup

import (
	"os"
	"sync"
	"time"

	"dnseal/lookup/internal/transport"
)

// followEvery is how often the file is looked at.
const followEvery = 5 * time.Second

// resolvFile is a resolv.conf(5) file that is followed: the network of a machine can change while a
// client lives.
type resolvFile struct {
	path string

	mu   sync.Mutex
	next time.Time   // when to look at it again
	last os.FileInfo // what was read; nil: nothing yet
}

// changed reads the servers when the file is another one than before. Nil: it is not, or it cannot
// be read, and those read before stay.
func (f *resolvFile) changed(now time.Time) []transport.Server {
	f.mu.Lock()
	defer f.mu.Unlock()
	if now.Before(f.next) {
		return nil
	}
	f.next = now.Add(followEvery)
	info, err := os.Stat(f.path)
	if err != nil || f.last != nil && os.SameFile(info, f.last) && info.ModTime().Equal(f.last.ModTime()) && info.Size() == f.last.Size() {
		return nil
	}
	servers, err := transport.FromResolvConf(f.path)
	if err != nil {
		return nil
	}
	f.last = info
	return servers
}

// follow uses the servers of the file when they changed. Mode ad-only does not: it believes only
// resolvers that were tried, when the client was made.
func (c *Client) follow() {
	if c.resolvFile == nil {
		return
	}
	if servers := c.resolvFile.changed(c.opts.Now()); servers != nil {
		c.transport.SetServers(servers)
	}
}
