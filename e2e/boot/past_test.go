package boot

import "strings"

// scraped asks the socket unit for the metrics: no process is there before and
// after, and each question gets a whole answer.
func (s *system) scraped() {
	s.Helper()
	s.run("systemctl enable --now keepone-metrics.socket")
	for range 3 {
		out := s.run("curl -sfi http://127.0.0.1:9988/metrics")
		if !strings.Contains(out, "application/openmetrics-text") || !strings.HasSuffix(out, "# EOF") ||
			!strings.Contains(out, `keepone_backend_up{name="php"} 1`) || !strings.Contains(out, `keepone_private_memory_bytes{name="php",part="backend"}`) {
			s.Errorf("the metrics are\n%s", out)
		}
	}
	s.await("test -z \"$(systemctl list-units --no-legend 'keepone-metrics@*')\"")
}

// remembered checks that the history outlives what a stop or a reboot takes away.
func (s *system) remembered() {
	s.Helper()
	before := s.run("keepone history php --since 24h | grep 'start: started' | head -1")
	s.run("systemctl stop keepone@php && test -s /var/lib/keepone/php.history")
	if out := s.run("keepone history php --since 24h | grep start:"); !strings.Contains(out, before) {
		s.Errorf("stopped, it knows %s", out)
	}
	s.run("rm -rf /run/keepone/php && systemctl start keepone@php && curl -sf http://127.0.0.1/pid.php")
	if out := s.run("keepone history php --since 24h | grep start:"); !strings.Contains(out, before) || strings.Count(out, "start: started") < 2 {
		s.Errorf("started again, it knows %s", out)
	}
}
