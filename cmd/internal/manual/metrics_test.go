package manual

import (
	"strings"
	"testing"

	"dnseal/cmd/internal/metrics"
)

// TestMetricsPage: dnseal-metrics(7) has every metric that is registered, with its text.
func TestMetricsPage(t *testing.T) {
	t.Parallel()
	page := metricsPage()
	for _, d := range metrics.Descriptions() {
		if !strings.Contains(page, "\n.BR "+roff(d.Name)+" \" ["+d.Type) || !strings.Contains(page, "\n"+roff(d.Help)+"\n") {
			t.Errorf("no entry for %s", d.Name)
		}
	}
}
