// Metrics of other programs that dashboards and alerts use, by who tells them: names as their documentation and sources have them.

/** Beside docs/METRICS.md nothing else may stand in an expression. */
export const FOREIGN_METRICS: Readonly<Record<string, readonly string[]>> = {
  prometheus: ['up'],
  'otel-collector: connector spanmetrics, namespace span, with unit s': ['span_duration_seconds', 'span_calls_total'],
  'MinIO, /minio/v2/metrics/cluster': [
    'minio_cluster_capacity_usable_free_bytes',
    'minio_cluster_capacity_usable_total_bytes',
    'minio_cluster_drive_offline_total',
    'minio_s3_requests_total',
    'minio_s3_requests_errors_total',
  ],
  'prometheus-nats-exporter -varz -jsz=all': [
    'gnatsd_varz_connections',
    'gnatsd_varz_slow_consumers',
    'jetstream_server_max_storage',
    'jetstream_server_total_message_bytes',
  ],
  postgres_exporter: [
    'pg_up',
    'pg_replication_lag_seconds',
    'pg_database_size_bytes',
    'pg_stat_activity_count',
    'pg_stat_database_xact_commit',
    'pg_stat_database_xact_rollback',
    'pg_stat_database_deadlocks',
  ],
};
