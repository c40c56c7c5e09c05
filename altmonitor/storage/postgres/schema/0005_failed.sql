-- A feed counts these every two seconds; months of deliveries lie beside them.
CREATE INDEX deliveries_failed ON deliveries (alert_id) WHERE state = 'failed';
