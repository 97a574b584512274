# The fcgi gem: one process, a request at a time.
require 'fcgi'

PAUSES = { '/fast' => 0.01, '/slow' => 0.7 }.freeze
FCGI.each do |request|
  path = request.env['REQUEST_URI']
  sleep(PAUSES.fetch(path, 0))
  request.out.print("Content-Type: text/plain\r\n\r\n#{Process.pid} #{path}\n")
  request.finish
end
