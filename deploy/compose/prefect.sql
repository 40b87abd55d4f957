-- Prefect's own database beside the studio's; run once, when the volume is new.
CREATE DATABASE prefect;
