# frozen_string_literal: true
PAUSES = { '/fast' => 0.01, '/slow' => 0.7 }.freeze
run(lambda do |env|
  path = env['PATH_INFO']
  sleep(PAUSES.fetch(path, 0))
  [200, { 'Content-Type' => 'text/plain' }, ["#{Process.pid} #{path}\n"]]
end)
