package manual

import (
	"fmt"
	"strings"

	"dnseal/cmd/internal/metrics"
)

// metricsText is the beginning of dnseal-metrics(7), after its name.
const metricsText = `.SH DESCRIPTION
With [metrics] listen in
.BR dnseal.toml (5)
relay and milter answer /metrics for Prometheus, and beside it /healthz, /readyz and /devices. Times are in seconds,
points in time in seconds since 1970. Metrics of the Go runtime (go_) and of the process (process_, where the system
tells them) are served too. No user, client, stranger's domain or device has a series; of the identities' certificates the
hundred that end first are named. Labels days and within are cumulative: do not add them up.
`

// metricsFiles are the files of the distribution.
const metricsFiles = `.SH FILES
In /usr/share/doc/dnseal/examples:
.TP
.B dnseal\-alerts.yml
alert rules for Prometheus: down, own record missing, keeper trouble, a certificate that ends, reload failed, much mail
deferred, DNS that fails, connections refused, mail that leaves unsigned, evidence that is not kept. The job of the scrape is called dnseal.
.TP
.B dnseal\-grafana.json
a dashboard for Grafana.
`

// metricsPage is dnseal-metrics(7) in roff, made of what is registered.
func metricsPage() string {
	var b strings.Builder
	fmt.Fprintf(&b, ".TH DNSEAL-METRICS 7 %q dnseal\n"+ragged+".SH NAME\ndnseal\\-metrics \\- the metrics of dnseal relay and dnseal milter\n"+metricsText+".SH METRICS\n", manDate)
	for _, d := range metrics.Descriptions() {
		kind := d.Type
		if len(d.Labels) > 0 {
			kind += "; labels " + strings.Join(d.Labels, ", ")
		}
		fmt.Fprintf(&b, ".TP\n.BR %s \" [%s]\"\n%s\n", roff(d.Name), roff(kind), roff(d.Help))
	}
	b.WriteString(".SH RENAMED\nNames of before, and those that they have now. What counted days counts seconds.\n")
	for _, r := range metrics.Renames {
		fmt.Fprintf(&b, ".TP\n.B %s\n%s\n", roff(r.Old), roff(r.New))
	}
	b.WriteString(metricsFiles + ".SH SEE ALSO\n.BR dnseal.toml (5),\n.BR dnseal-log (5),\n.BR dnseal-report (1)\n")
	return b.String()
}
