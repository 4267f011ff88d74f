@user
daemon off;
pid nginx.pid;
# A single worker numbers the connections from 1.
worker_processes 1;
error_log stderr notice;
events {
    worker_connections 256;
}
http {
    log_format fields '$server_port\t$request_uri\t$status\t$connection\t$connection_requests\t$msec\t$request_time\t$http_authorization\t$sent_http_transfer_encoding\t$sent_http_content_encoding';
    access_log access.log fields;
    client_body_temp_path temp;
    proxy_temp_path temp;
    fastcgi_temp_path temp;
    uwsgi_temp_path temp;
    scgi_temp_path temp;
    default_type application/json;
    server_tokens off;
    ssl_certificate_key @tls/server-key.pem;
@servers
}
